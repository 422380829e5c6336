"""One act on many people: whom it meets is counted first, and then it is done in the background."""
