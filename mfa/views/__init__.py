"""Pages and endpoints. A view finds, calls one service or form, and answers."""
