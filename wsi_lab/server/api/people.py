"""Users and tokens."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id


class UsersHandler(JsonHandler):
    """The users of the lab; for its administrators."""

    async def get(self) -> None:
        """Return users."""
        query = self.query(forms.PageQuery)
        found = await self.ask(self.lab.people.list, self.actor)
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), forms.user))

    async def post(self) -> None:
        """Add a user."""
        new = self.body(forms.NewUser)
        user = await self.ask(
            self.lab.people.add, self.actor, new.email, name=new.name, is_admin=new.is_admin
        )
        self.send(forms.user(user), status=201)


class TokensHandler(JsonHandler):
    """Tokens: the asker's own, and those of others for administrators."""

    async def get(self) -> None:
        """Return tokens, without their texts."""
        query = self.query(forms.TokensQuery)
        found = await self.ask(
            self.lab.people.list_tokens,
            self.actor,
            email=query.email,
            everybody=query.everybody,
        )
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), forms.token))

    async def post(self) -> None:
        """Make a token and return it with its text, this once."""
        new = self.body(forms.NewToken)
        token, text = await self.ask(self.lab.people.create_token, self.actor, **forms.given(new))
        answer = {**forms.token(token), "token": text}
        self.send(answer, status=201, location=f"v1/tokens/{token.id}")


class TokenHandler(JsonHandler):
    """One token."""

    async def delete(self, token_id: str) -> None:
        """Revoke it."""
        self.query(forms.NoQuery)
        await self.ask(self.lab.people.revoke_token, self.actor, whole_id(token_id, "token"))
        self.send_nothing()
