"""Handlers of uploads."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tornado import httputil, web

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge, WsiLabError
from wsi_lab.model.people import Action
from wsi_lab.model.upload import LARGEST_UPLOAD, Upload
from wsi_lab.server.base import Handler
from wsi_lab.server.failures import BodyUnsupported, MethodUnknown
from wsi_lab.server.routing import OPEN, Kind, Need, Route
from wsi_lab.server.tus.door import (
    TUS_DOOR,
    VERSION,
    Finished,
    Locked,
    OffsetWrong,
    VersionUnknown,
    metadata_of,
)
from wsi_lab.server.tus.receiving import CHECKSUMS, Receiver, checksum_of
from wsi_lab.service.uploading.uploads import Progress, Writing

T = TypeVar("T")

EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
MEDIA_TYPE = "application/offset+octet-stream"
SECONDS_PER_LOOK = 20.0
LEAST_BYTES_PER_LOOK = 1 << 14
"""A client that sends less between two looks loses its connection; what it sent is kept."""
SECONDS_FOR_THE_OTHER = 1.0
"""Whoever lost a connection may be back before the end of the old one is noticed here."""
SECONDS_BETWEEN_TRIES = 0.02
LARGEST_DROPPED = 16 << 20
"""Bytes of a refused body that are read on, so that the client comes to reading the answer."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_ID_LENGTH = 32


@web.stream_request_body
class _Receiving(Handler):
    """What creation and continuation have in common: a body that goes to the disk."""

    _receiver: Receiver | None = None
    _refusal: WsiLabError | None = None
    _look: asyncio.TimerHandle | None = None
    _dropped = 0
    _seen = 0
    _is_whole = False

    def prepare(self) -> Awaitable[None] | None:
        """Let in who may ask, and get ready for what they send."""
        return self._enter()

    async def _enter(self) -> None:
        if self._has_body:
            self._look = asyncio.get_running_loop().call_later(SECONDS_PER_LOOK, self._look_after)
        try:
            self._check_version()
            entering = super().prepare()
            if entering is not None:
                await entering
            await self.get_ready()
        except WsiLabError as error:
            self._refuse(error)

    async def get_ready(self) -> None:
        """Find out what is to become of the body."""

    async def data_received(self, chunk: bytes) -> None:
        """Write some of the body; returns when there is room for more."""
        if self._receiver is None or self._refusal is not None:
            self._dropped += len(chunk)
            if self._dropped > LARGEST_DROPPED:
                self._hang_up_at_last()
            return
        try:
            await self._receiver.take(chunk)
        except WsiLabError as error:
            if not self._finished:
                await self._stop_receiving()
                self._refuse_on_the_way(error)

    async def received(self) -> int | None:
        """Return the size of the file once the body is on disk; `None` if there was none."""
        self._is_whole = True
        self._stop_looking()
        if self._refusal is not None:
            raise self._refusal
        receiver, self._receiver = self._receiver, None
        return None if receiver is None else await receiver.finish()

    def receive(self, writing: Writing, offset: int) -> None:
        """Receive the body as what follows after the first `offset` bytes.

        Raises
        ------
        OffsetWrong, TooLarge, Invalid
            It is not that, or announced to be too much.
        """
        upload, partial = writing
        try:
            size, length = partial.size, upload.length or 0
            if self.is_gone:
                self._leave_unanswered()
            self._check_place(offset, size, length)
            checksum = checksum_of(self.request.headers.get("Upload-Checksum"))
            if checksum is not None:
                partial.doubt()
            self._receiver = Receiver(
                self.site.transfers, partial, most=length - size, checksum=checksum
            )
        except BaseException:
            partial.close()
            raise

    def _check_place(self, offset: int, size: int, length: int) -> None:
        if size != offset:
            raise OffsetWrong(f"Of this upload {size:,} bytes are here.", offset=size)
        if int(self.request.headers.get("Content-Length", "0")) > length - size:
            raise TooLarge(f"This upload lacks {length - size:,} bytes only.")

    async def patiently(self, attempt: Callable[[str], T], upload_id: str) -> T:
        """Return what an attempt returns when nobody else is sending that upload any more.

        Raises
        ------
        Locked
            Somebody does, and goes on.
        """
        give_up = time.monotonic() + SECONDS_FOR_THE_OTHER
        while True:
            try:
                # Not `ask`: what was opened for somebody who is gone must be closed all the same.
                return await self.site.rows.submit(attempt, upload_id)
            except Conflict as error:
                if time.monotonic() >= give_up:
                    raise Locked(error.message) from error
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)

    def tell(self, upload: Upload, offset: int) -> None:
        """Say how far an upload has come."""
        self.set_header("Upload-Offset", str(offset))
        if upload.finished_on is None:
            self.set_header("Upload-Expires", httputil.format_timestamp(upload.expires_on))

    def options(self, *_args: str, **_kwargs: str) -> None:
        """Say what of tus is known here."""
        super().options()
        self.set_header("Tus-Version", VERSION)
        self.set_header("Tus-Extension", EXTENSIONS)
        self.set_header("Tus-Max-Size", str(LARGEST_UPLOAD))
        self.set_header("Tus-Checksum-Algorithm", ",".join(CHECKSUMS))

    def on_connection_close(self) -> None:
        """Keep what came, and let go of the request."""
        super().on_connection_close()
        self._stop_looking()
        if not self._is_whole:
            # tornado neither runs nor finishes such a handler.
            _background(self._leave())

    def on_finish(self) -> None:
        """Let go of the request."""
        self._stop_looking()
        super().on_finish()

    async def _leave(self) -> None:
        await self._stop_receiving()
        self.on_finish()

    async def _stop_receiving(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            await receiver.salvage()

    @property
    def _has_body(self) -> bool:
        headers = self.request.headers
        return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers

    def _check_version(self) -> None:
        if self.request.method != "OPTIONS" and (
            self.request.headers.get("Tus-Resumable") != VERSION
        ):
            raise VersionUnknown(f"Say 'Tus-Resumable: {VERSION}'; no other version is known here.")

    def _refuse(self, error: WsiLabError) -> None:
        # After an early answer tornado closes the connection, and a client that is still sending
        # may never read it. So the answer waits for the body, unless that is not worth it.
        headers = self.request.headers
        announced = headers.get("Content-Length", "0")
        if "Expect" in headers or not announced.isdigit() or int(announced) > LARGEST_DROPPED:
            raise error
        self._refusal = error

    def _refuse_on_the_way(self, error: WsiLabError) -> None:
        # tornado would lose an error that is raised in the middle of a body.
        try:
            self._refuse(error)
        except WsiLabError:
            self._handle_request_exception(error)

    def _look_after(self) -> None:
        receiver = self._receiver
        came = self._dropped if receiver is None else receiver.received
        is_ours = receiver is not None and receiver.is_waiting
        if not is_ours and came - self._seen < LEAST_BYTES_PER_LOOK:
            self._hang_up_at_last()
            return
        self._seen = came
        self._look = asyncio.get_running_loop().call_later(SECONDS_PER_LOOK, self._look_after)

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _hang_up_at_last(self) -> None:
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()


class UploadsHandler(_Receiving):
    """All uploads: begin one."""

    _upload: Upload | None = None

    async def get_ready(self) -> None:
        """Begin the upload."""
        if self.request.method != "POST":
            return
        headers = self.request.headers
        if "Upload-Defer-Length" in headers:
            raise Invalid("The length of an upload must be known when it begins.")
        length = _number(headers, "Upload-Length")
        metadata = metadata_of(headers)
        upload_token = metadata.get("uploadtoken")
        uploads = self.lab.uploads
        if self._has_body:
            _check_media_type(headers)
        if upload_token is None and "apitoken" in metadata:
            raise NotAllowed("With 'apitoken' goes the 'uploadtoken' that RequestUpload gave.")
        if upload_token is None:
            name, folder = metadata.get("filename", ""), metadata.get("folder", "")
            upload_token = await self.ask(uploads.request, self.actor, name, folder)
        self._upload = await self.ask(uploads.begin, self.actor, upload_token, length)
        if self._has_body:
            self.receive(await self.patiently(uploads.writer, self._upload.id), 0)

    async def post(self) -> None:
        """Say where the upload is."""
        size = await self.received()
        if self._upload is None:
            raise NotFound("There is no such upload.")
        self.set_status(201)
        self.set_header("Location", f"{self.mount}files/{self._upload.id}")
        self.tell(self._upload, size or 0)


class UploadHandler(_Receiving):
    """One upload: how far it is, go on with it, end it."""

    _writing: Upload | None = None

    async def get_ready(self) -> None:
        """Find the upload that is gone on with."""
        method = self.request.method
        if method == "POST":
            raise MethodUnknown("Go on with an upload by PATCH.")
        self.lab = self.site.lab or await self.site.ready()
        if method != "PATCH":
            return
        headers = self.request.headers
        _check_media_type(headers)
        offset = _number(headers, "Upload-Offset")
        upload_id = self._id(self.path_args[0])
        if (await self.ask(self.lab.uploads.get, upload_id)).finished_on is not None:
            raise Finished("This upload is finished and has become a file of the lab.")
        writing = await self.patiently(self.lab.uploads.writer, upload_id)
        self._writing = writing.upload
        self.receive(writing, offset)

    def prepare(self) -> Awaitable[None] | None:
        """Take the method that the client means."""
        meant = self.request.headers.get("X-HTTP-Method-Override", "").upper()
        if self.request.method == "POST" and meant in {"PATCH", "DELETE"}:
            self.request.method = meant
        return super().prepare()

    async def get(self, upload_id: str) -> None:
        """Say how far the upload is; HEAD does, too."""
        await self.received()
        progress = await self._settled(self._id(upload_id))
        self.tell(progress.upload, progress.offset)
        self.set_header("Upload-Length", str(progress.upload.length))
        # Of what the client told only this: the rest is secrets.
        name = base64.b64encode(progress.upload.file_name.encode()).decode()
        self.set_header("Upload-Metadata", f"filename {name}")

    async def patch(self, _upload_id: str) -> None:
        """Say how far the upload has come."""
        size = await self.received()
        if self._writing is None or size is None:
            raise NotFound("There is no such upload.")
        self.set_status(204)
        self.tell(self._writing, size)

    async def delete(self, upload_id: str) -> None:
        """End the upload."""
        await self.received()
        await self.patiently(self.lab.uploads.remove, self._id(upload_id))
        self.set_status(204)

    async def post(self, _upload_id: str) -> None:
        """Refuse what was not meant as another method."""
        await self.received()

    async def _settled(self, upload_id: str) -> Progress:
        give_up = time.monotonic() + SECONDS_FOR_THE_OTHER
        while True:
            progress = await self.ask(self.lab.uploads.progress, upload_id)
            if not progress.is_being_sent or time.monotonic() >= give_up:
                return progress
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)

    @staticmethod
    def _id(text: str) -> str:
        # Some clients put parts of an address together in their own way.
        return text[-_ID_LENGTH:]


def _number(headers: httputil.HTTPHeaders, name: str) -> int:
    text = headers.get(name, "")
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"{name} must be a whole number.")
    return int(text)


def _check_media_type(headers: httputil.HTTPHeaders) -> None:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise BodyUnsupported(f"The body of this request must be {MEDIA_TYPE}.")


_RUNNING: set[asyncio.Task[None]] = set()


def _background(work: Awaitable[None]) -> None:
    # Somebody must hold a task, or it may vanish in the middle.
    task = asyncio.ensure_future(work)
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)


def tus_routes() -> tuple[Route, ...]:
    """Return the addresses of uploads."""
    begin = {"POST": Need(Action.FILE_UPLOAD, Kind.STUDY)}
    # Its id is 128 bits that nobody can guess, and all that a client of tus sends.
    one = dict.fromkeys(("GET", "PATCH", "DELETE", "POST"), OPEN)
    endless = {"body_limit": LARGEST_UPLOAD, "body_seconds": None}
    return (
        Route("files/{upload_id}", UploadHandler, one, TUS_DOOR, **endless),  # type: ignore[arg-type]  # by name
        Route("files/", UploadsHandler, begin, TUS_DOOR, **endless),  # type: ignore[arg-type]  # by name
        Route("files", UploadsHandler, begin, TUS_DOOR, **endless),  # type: ignore[arg-type]  # by name
    )
