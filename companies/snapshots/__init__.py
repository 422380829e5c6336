"""Numbers of days that are over, as they are kept (`reporting.taking`), and as pages read them."""
