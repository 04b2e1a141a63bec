"""A mail server on this machine that keeps what it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Self, cast


@dataclass(frozen=True)
class Delivered:
    """A letter, and for whom and from whom the server was told it is."""

    sender: str
    recipient: str
    letter: EmailMessage


class Mailbox:
    """Speaks as much SMTP as a letter needs, in a thread of its own.

    Parameters
    ----------
    refuses
        Recipients that it says there are not.
    silent
        Takes connections and never says a word.
    hangs_up_after
        Ends a connection after so many letters.
    """

    def __init__(
        self,
        *,
        refuses: tuple[str, ...] = (),
        silent: bool = False,
        hangs_up_after: int | None = None,
    ) -> None:
        self.delivered: list[Delivered] = []
        self.port = 0
        self._refuses = refuses
        self._silent = silent
        self._hangs_up_after = hangs_up_after
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mailbox")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._ending.wait()
        talks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        # Whoever has called hangs up, sooner or later.
        if talks:
            await asyncio.wait(talks, timeout=10)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if self._silent:
                    await self._ending.wait()
                else:
                    await self._speak_smtp(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _speak_smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count, sender, recipient = 0, "", ""
        writer.write(b"220 mailbox\r\n")
        while line := (await reader.readline()).decode().strip():
            answer = "250 fine"
            word = line.partition(" ")[0].upper()
            if word == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
            elif word == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                if recipient in self._refuses:
                    answer = "550 nobody here is called so"
            elif word == "DATA":
                writer.write(b"354 go on\r\n")
                data = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                letter = cast("EmailMessage", message_from_bytes(data, policy=policy.default))
                self.delivered.append(Delivered(sender, recipient, letter))
                count += 1
            elif word == "QUIT":
                answer = "221 bye"
            writer.write(f"{answer}\r\n".encode())
            if word == "QUIT" or (word == "DATA" and count == self._hangs_up_after):
                return
