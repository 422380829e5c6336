"""Static files under names that carry their hash, ES module imports included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

from m2v import __version__


class StaticStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    manifest_name = f"staticfiles-{__version__}.json"  # beside that of the release before, which may be serving still
