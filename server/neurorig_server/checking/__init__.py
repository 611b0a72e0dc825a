"""Checks of uploaded files, each in a process of its own with bounded time and memory."""
