"""One module for each method, and for each third party. Exceptions in our words leave them."""
