"""sockscope：看得见的套接字。"""
