"""One run at a time: what the widgets have in common about their session and its three buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

__all__ = ["SessionOwner"]


class _Control(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self, *, after_plane: bool = False) -> None: ...
    def cancel(self) -> None: ...
    @property
    def paused(self) -> bool: ...
    @property
    def ending(self) -> bool: ...
    @property
    def cancelled(self) -> bool: ...


class _Session(Protocol):
    @property
    def control(self) -> _Control: ...
    @property
    def changed(self) -> Any: ...
    @property
    def ended(self) -> Any: ...


S = TypeVar("S", bound=_Session)


class SessionOwner(Generic[S]):
    """A widget that listens to the session which it has started, until that ends or is let go."""

    _session: S | None = None
    _AFTER_PLANE = False
    _STOPPING = ""
    _CANCELLING = ""

    @property
    def session(self) -> S | None:
        """The run that is going on, if there is one."""
        return self._session

    @property
    def _cancellable(self) -> bool:
        return self._session is not None and not self._session.control.cancelled

    @property
    def _stoppable(self) -> bool:
        return self._session is not None and self._cancellable and not self._session.control.ending

    @property
    def _paused(self) -> bool:
        return self._session is not None and self._session.control.paused

    def _adopt(self, session: S) -> None:
        self._session = session
        session.changed.connect(self._on_changed)
        session.ended.connect(self._on_end)

    def _let_go(self) -> S | None:
        """Leave a session alone, which goes on; return it."""
        session, self._session = self._session, None
        if session is not None:
            session.changed.disconnect(self._on_changed)
            session.ended.disconnect(self._on_end)
        return session

    def _on_end(self, outcome: Any) -> None:
        session, self._session = self._session, None
        if session is not None and outcome.kind != "abandoned":
            self._on_ended(session, outcome)

    def _pause_or_resume(self, _: object = None) -> None:
        if self._session is not None:
            control = self._session.control
            if control.paused:
                control.resume()
            else:
                control.pause()
            self._enable()

    def _stop(self, _: object = None) -> None:
        if self._session is not None:
            self._session.control.stop(after_plane=self._AFTER_PLANE)
            self._tell(self._STOPPING)
            self._enable()

    def _cancel(self, _: object = None) -> None:
        if self._session is not None:
            self._session.control.cancel()
            self._tell(self._CANCELLING)
            self._enable()

    if TYPE_CHECKING:
        # What a widget brings. Abstract methods would need a metaclass that is not Qt's.

        def _on_changed(self, post: Any) -> None:
            """Show what has happened."""

        def _on_ended(self, session: S, outcome: Any) -> None:
            """Show how it ended."""

        def _enable(self) -> None:
            """Let exactly those parts be used that mean something now."""

        def _tell(self, message: str) -> None:
            """Show a sentence."""
