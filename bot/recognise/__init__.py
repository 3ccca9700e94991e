"""Recognise: a `Report` to a `Match` with its evidence. Pure; knows the content, never the text's dressing."""

from bot.recognise.recogniser import Recogniser

__all__ = ["Recogniser"]
