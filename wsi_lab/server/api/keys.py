"""Keys of other systems' clients."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.server.api import forms, forms_tasks
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id


class KeysHandler(JsonHandler):
    """Keys: the asker's own, and those of others for administrators."""

    async def get(self) -> None:
        """Return keys, without their texts."""
        query = self.query(forms.TokensQuery)
        found = await self.ask(
            self.lab.keys.list, self.actor, email=query.email, everybody=query.everybody
        )
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), forms_tasks.key))

    async def post(self) -> None:
        """Make a key and return it with its text."""
        new = self.body(forms_tasks.NewKeyForm)
        made = await self.ask(
            self.lab.keys.create,
            self.actor,
            new.purpose,
            email=new.email,
            expires_on=new.expires_on,
            name=new.name,
        )
        self.send(forms_tasks.new_key(made), status=201, location=f"v1/keys/{made.token.id}")


class KeyHandler(JsonHandler):
    """One key."""

    async def delete(self, key_id: str) -> None:
        """Revoke it."""
        self.query(forms.NoQuery)
        await self.ask(self.lab.keys.revoke, self.actor, whole_id(key_id, "key"))
        self.send_nothing()
