from typing import Any, ClassVar

from django.db import models

class Device(models.Model):
    user: Any
    name: models.CharField[str, str]
    confirmed: models.BooleanField[bool, bool]
    objects: ClassVar[models.Manager[Any]]
    class Meta:
        abstract = True
