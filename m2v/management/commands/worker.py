"""`m2v worker`: what `work` does, under the name that it has beside `m2v serve`."""

from m2v.management.commands import work


class Command(work.Command):
    pass
