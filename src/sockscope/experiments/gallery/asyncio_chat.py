"""真程序：asyncio 的聊天室，一个线程，两条连接。"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

from sockscope.experiments import GALLERY, PORT, Switch, experiment
from sockscope.live import Host, Network

Stream = tuple[StreamReader, StreamWriter]


@experiment(
    chapter=GALLERY, title="asyncio 的聊天室", question="一句话从一个人到另一个人，经过几个包、几次调用，要几个线程？",
    hosts=("client", "server", "peer"), lossless=True, compares="packets", cuttable=False,
    reply=Switch("对端回一句", True))
def asyncio_chat(net: Network, reply: bool) -> None:
    asyncio.run(chat(net, reply))


async def chat(net: Network, reply: bool) -> None:
    with net.server:
        room = await asyncio.start_server(Room().enter, "0.0.0.0", PORT)
    near, far = await join(net.client, net), await join(net.hosts["peer"], net)
    await say(near, far, b"hello\n")
    if reply:
        await say(far, near, b"hi\n")
    for reader, writer in (near, far):
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()
    room.close()
    await room.wait_closed()


async def join(host: Host, net: Network) -> Stream:
    """连上聊天室，等到它招呼一声：这才算进了门。"""
    with host:
        reader, writer = await asyncio.open_connection(net.server.address, PORT)
    await reader.readline()
    return reader, writer


async def say(one: Stream, other: Stream, words: bytes) -> None:
    one[1].write(words)
    assert await other[0].readline() == words


class Room:
    """一个人说的话，转给其余的人。"""

    def __init__(self) -> None:
        self.members: set[StreamWriter] = set()

    async def enter(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.members.add(writer)
        writer.write(b"welcome\n")
        async for line in reader:
            for other in self.members - {writer}:
                other.write(line)
        self.members.remove(writer)
        writer.close()
