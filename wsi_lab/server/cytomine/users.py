"""Users: whoever asks, the people they share a project with, members, keys and roles."""

from __future__ import annotations

from functools import partial

from tornado import web

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.people import Right, User
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.colleagues import MANAGER, MEMBER, Colleague

_OK = {"data": {"message": "OK"}}
_ROLES = {1: "ROLE_USER", 2: "ROLE_ADMIN"}


class CurrentUserHandler(CytomineHandler):
    """Whoever asks."""

    async def get(self) -> None:
        """Return who that is, and their public key."""
        user = await self.ask(self.lab.people.me, self.actor)
        public_key = {"publicKey": self.public_key, "isDeveloper": False, "language": "EN"}
        by_now = {f"{role}ByNow": has for role, has in _roles(user).items()}
        await self.send_json({**user_object(user), **public_key, **_roles(user), **by_now})


class UsersHandler(CytomineHandler):
    """The people that the asker shares a project with."""

    async def get(self) -> None:
        """Return them; with a public key, whose that is if it is the asker's own."""
        found = await self.ask(self.lab.colleagues.list, self.actor)
        key = self.query.text("publicKey")
        if key is not None:
            own = self.actor.user.id if key == self.public_key else None
            found = [each for each in found if each.id == own]
        await self.send_page(found[::-1], user_object)


class UserHandler(CytomineHandler):
    """One of them."""

    async def get(self, user_id: str) -> None:
        """Return them."""
        number = self.id_of("user", user_id)
        found = await self.ask(self.lab.colleagues.get, self.actor, number)
        await self.send_json(user_object(found))


class KeysHandler(CytomineHandler):
    """The keys of whoever asks."""

    async def get(self, owner: str) -> None:
        """Return them by their public key."""
        self._check_own(owner == self.public_key)
        await self._send_pair()

    def _check_own(self, is_own: bool) -> None:  # noqa: FBT001 (what is checked)
        if not is_own:
            raise NotAllowed("Keys are told to whom they belong, and to nobody else.")

    async def _send_pair(self) -> None:
        pair = await self.ask(self.lab.keys.cytomine_pair_of, self.actor)
        if pair is None:
            raise NotFound("You have no keys any more.")
        public, private = pair
        await self.send_json({"publicKey": public, "privateKey": private})


class UserKeysHandler(KeysHandler):
    """The same, by the user's id."""

    async def get(self, owner: str) -> None:
        """Return them."""
        self._check_own(whole_id(owner, "user") == self.actor.user.id)
        await self._send_pair()


class MembersHandler(CytomineHandler):
    """The members of a project."""

    async def get(self, project_id: str) -> None:
        """Return them."""
        study = self.id_of("study", project_id)
        found = await self.ask(self.lab.colleagues.members, self.actor, study)
        await self.send_page([each.user for each in found[::-1] if self.wants(each)], user_object)

    def wants(self, member: Colleague) -> bool:  # noqa: ARG002 (others look at it)
        """Return whether a member is one of the list."""
        return True


class ManagersHandler(MembersHandler):
    """The managers of a project."""

    def wants(self, member: Colleague) -> bool:
        """Return whether they may change the project."""
        return member.is_manager


@web.stream_request_body
class MemberHandler(CytomineReceiver):
    """One member of a project."""

    async def post(self, project_id: str, user_id: str) -> None:
        """Make somebody a member; they keep what rights they have."""
        await self._give(project_id, user_id, MEMBER)

    async def delete(self, project_id: str, user_id: str) -> None:
        """End it."""
        await self.nothing()
        ids = self.id_of("study", project_id), whole_id(user_id, "user")
        await self.ask(self.lab.colleagues.remove_member, self.actor, *ids)
        await self.send_json(_OK)

    async def _give(self, project_id: str, user_id: str, rights: frozenset[Right]) -> None:
        await self.nothing()
        ids = self.id_of("study", project_id), whole_id(user_id, "user")
        await self.ask(self.lab.colleagues.add_member, self.actor, *ids, rights)
        await self.send_json(_OK)


@web.stream_request_body
class ManagerHandler(MemberHandler):
    """One manager of a project."""

    async def post(self, project_id: str, user_id: str) -> None:
        """Make somebody a manager."""
        await self._give(project_id, user_id, MANAGER)

    async def delete(self, project_id: str, user_id: str) -> None:
        """Let them be a member only."""
        await self.nothing()
        ids = self.id_of("study", project_id), whole_id(user_id, "user")
        await self.ask(self.lab.colleagues.end_managing, self.actor, *ids)
        await self.send_json(_OK)


class RolesHandler(CytomineHandler):
    """The roles that there are."""

    async def get(self) -> None:
        """Return them."""
        await self.send_page(sorted(_ROLES, reverse=True), _role_object)


class UserRolesHandler(CytomineHandler):
    """The roles of a user."""

    async def get(self, user_id: str) -> None:
        """Return them."""
        user = await self._user(user_id)
        await self.send_page(_roles_of(user)[::-1], partial(_user_role_object, user))

    async def _user(self, user_id: str) -> User:
        number = self.id_of("user", user_id)
        return await self.ask(self.lab.colleagues.get, self.actor, number)


class UserRoleHandler(UserRolesHandler):
    """One role of a user."""

    async def get(self, user_id: str, role_id: str) -> None:  # type: ignore[override]  # one more part
        """Return it."""
        user, role = await self._user(user_id), whole_id(role_id, "role")
        if role not in _roles_of(user):
            raise NotFound("This user does not have that role.")
        await self.send_json(_user_role_object(user, role))


def user_object(user: User) -> words.Told:
    """Return what is told of a user."""
    first, _, last = user.name.rpartition(" ")
    return {
        **words.told(user.id, words.USER, user.created_on),
        "username": user.email,
        "name": user.name,
        "fullName": user.name,
        "firstname": first or None,
        "lastname": last or None,
        "email": user.email,
        "origin": "LOCAL",
    }


def _roles(user: User) -> dict[str, bool]:
    return {"admin": user.is_admin, "user": not user.is_admin, "guest": False}


def _roles_of(user: User) -> list[int]:
    return [1, 2] if user.is_admin else [1]


def _role_object(role: int) -> words.Told:
    return {**words.told(role, words.ROLE, None), "authority": _ROLES[role], "name": _ROLES[role]}


def _user_role_object(user: User, role: int) -> words.Told:
    return {
        **words.told(role, words.USER_ROLE, None),
        "user": user.id,
        "role": role,
        "authority": _ROLES[role],
    }
