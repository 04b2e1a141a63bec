"""The end of an upload; its bytes come by tus, at an address of their own."""

from __future__ import annotations

from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler


class FinishHandler(JsonHandler):
    """An upload that is complete."""

    async def post(self, upload_id: str) -> None:
        """Put the file in its place; twice is once."""
        self.body(forms.NoQuery)
        upload = await self.wait_in(
            self.site.transfers, self.lab.uploads.finish, self.actor, upload_id
        )
        self.send({"folder": upload.folder, "file_name": upload.file_name, "size": upload.length})
