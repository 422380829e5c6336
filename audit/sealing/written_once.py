"""Rows that are written once: the application has no way to change or delete them (ASVS 16.4.2).

Whoever goes around it, in SQL, meets the database's own triggers (migration
0004), and whoever goes around those meets `audit_verify`.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

from django.db import models

from audit.sealing import macs


class WrittenOnceError(TypeError):
    """A row that is written once was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("This is written once, and never changed or deleted.")


class WrittenOnceQuerySet[T: models.Model](models.QuerySet[T]):
    """Reads and adds; nothing else."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    def delete(self) -> NoReturn:
        raise WrittenOnceError

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    def bulk_create(self, objs: Any, *args: Any, update_conflicts: bool = False, **kwargs: Any) -> list[T]:
        if update_conflicts:
            raise WrittenOnceError
        return super().bulk_create(objs, *args, **kwargs)

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError


class WrittenOnce(models.Model):
    """A row with a code over its columns, made when it is first saved."""

    mac: models.CharField[str, str]

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise WrittenOnceError
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    def columns(self) -> dict[str, object]:
        """What the code covers, as plain values."""
        raise NotImplementedError

    def holds(self) -> bool:
        """Is every column as it was written? Raises UnknownKey."""
        return macs.holds(self.mac, self._meta.db_table, self.columns())


class MacField(models.CharField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """The code over the other columns of a row that is written once."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"editable": False, "max_length": macs.LONGEST, **options})  # type: ignore[arg-type]  # of many kinds

    def pre_save(self, instance: models.Model, add: bool) -> str:  # noqa: FBT001  # Django's signature
        assert isinstance(instance, WrittenOnce)
        code = macs.made(instance._meta.db_table, instance.columns())
        setattr(instance, self.attname, code)
        return code
