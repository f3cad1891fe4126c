"""谜题：从录制里出的题，答案由内核给出。出题在 ``kinds``，选题在 ``draw``，排成网页在 ``page``。"""

from sockscope.pages.puzzles.inverse import Inverse, inverse
from sockscope.pages.puzzles.page import Puzzles, puzzles

__all__ = ["Inverse", "Puzzles", "inverse", "puzzles"]
