"""Which collection reports the items of which model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db.models import Model
from django.dispatch import Signal

from spool_live.collections.collection import LiveCollection
from spool_live.exceptions import SpoolLiveConfigurationError
from spool_live.tags import fitting
from spool_live.updates import COLLECTION_LIMIT

registry_changed = Signal()

C = TypeVar("C", bound=LiveCollection)


class Registry:
    """Which collection reports which model. One model has at most one collection."""

    def __init__(self) -> None:
        self._collections: dict[type[Model], LiveCollection] = {}
        self._attached: list[LiveCollection] = []
        self._of_model: dict[type[Model], list[LiveCollection]] = {}

    def register(self, model: type[Model], collection: type[LiveCollection]) -> LiveCollection:
        """Report the items of ``model`` by ``collection``, and return an instance of that class.

        Raises ``SpoolLiveConfigurationError`` for a proxy or abstract model, one that is
        registered already, or a collection name that is taken or too long.
        """
        if model._meta.abstract or model._meta.proxy:
            raise SpoolLiveConfigurationError(
                f"{model._meta.label} is abstract or a proxy: register the concrete model."
            )
        if model in self._collections:
            raise SpoolLiveConfigurationError(
                f"{model._meta.label} is already registered: remove one of the registrations."
            )
        instance = collection(model)
        self._check_name(instance)
        instance.registry = self
        self._collections[model] = instance
        self._of_model.clear()
        registry_changed.send(sender=type(self), model=model)
        return instance

    def unregister(self, model: type[Model]) -> None:
        """Stop reporting the items of ``model``. Raises ``KeyError`` where it is not registered."""
        del self._collections[model]
        self._of_model.clear()
        registry_changed.send(sender=type(self), model=model)

    def attach(self, collection: LiveCollection) -> None:
        """Add a collection whose changes are recorded by the app that attaches it. Its name is
        reserved, but ``of_model`` does not return it.

        Raises ``SpoolLiveConfigurationError`` for a name that is taken or too long.
        """
        self._check_name(collection)
        collection.registry = self
        self._attached.append(collection)
        registry_changed.send(sender=type(self), model=collection.model)

    def detach(self, collection: LiveCollection) -> None:
        """Remove an attached collection. Raises ``ValueError`` where it is not attached."""
        self._attached.remove(collection)
        registry_changed.send(sender=type(self), model=collection.model)

    def declared(self) -> tuple[LiveCollection, ...]:
        """Return every collection: the registered and the attached."""
        return (*self._collections.values(), *self._attached)

    def _check_name(self, added: LiveCollection) -> None:
        if len(added.name) > COLLECTION_LIMIT:
            raise SpoolLiveConfigurationError(
                f"{added!r}: `name` must have at most {COLLECTION_LIMIT} characters."
            )
        for other in self.declared():
            if other.name == added.name:
                raise SpoolLiveConfigurationError(
                    f"{added!r} and {other!r} have the same name: set `name` on one of them."
                )

    def __iter__(self) -> Iterator[LiveCollection]:
        return iter(tuple(self._collections.values()))

    def __contains__(self, model: type[Model]) -> bool:
        return model in self._collections

    def recorded_by_signals(self, model: type[Model], using: str) -> list[LiveCollection]:
        """Return the collections of ``model`` that no trigger on ``using`` records."""
        return [c for c in self.of_model(model) if not c.is_left_to_trigger(using)]

    def of_model(self, model: type[Model]) -> list[LiveCollection]:
        """Return the collections that an item of ``model`` belongs to: its own and those of its
        concrete parents."""
        found = self._of_model.get(model)
        if found is None:
            found = self._of_model[model] = [c for c in self if issubclass(model, c.model)]
        return found

    def of_item(self, item: Model) -> list[LiveCollection]:
        """Return the collections that ``item`` belongs to, attached ones among them."""
        registered = self.of_model(type(item))
        return [*registered, *(c for c in self._attached if c.speaks_for(item))]


registry = Registry()


def register(model: type[Model]) -> Callable[[type[C]], type[C]]:
    """Return a class decorator that registers a ``LiveCollection`` for the items of ``model``.

    Use it in an app's ``live.py``. Raises ``SpoolLiveConfigurationError`` for a proxy or abstract
    model, one that is registered already, or a collection name that is taken or too long.
    """

    def decorate(collection: type[C]) -> type[C]:
        registry.register(model, collection)
        return collection

    return decorate


def unregister(model: type[Model]) -> None:
    """Stop reporting the items of ``model``. Raises ``KeyError`` where it is not registered."""
    registry.unregister(model)


def cache_tags(item: Model, *, lists: bool = True) -> list[str]:
    """Return the cache tags that a change of ``item`` makes stale, as its updates carry them in
    ``metadata.cache_tags``.

    For the ``Cache-Tag`` header of a response that shows ``item``. Without ``lists``, the names of
    its collections are left out: they are for responses that show the collection as a list.
    Raises ``SpoolLiveConfigurationError`` where the model of ``item`` is not registered.
    """
    found = registry.of_item(item)
    if not found:
        label = type(item)._meta.label
        raise SpoolLiveConfigurationError(f"{label} is not registered: register it in live.py.")
    left_out = set() if lists else {collection.name for collection in found}
    tags = (tag for collection in found for tag in collection.get_cache_tags(item))
    return fitting(tag for tag in tags if tag not in left_out)
