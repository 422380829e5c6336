#!/usr/bin/env python
"""The program `m2v`, as it is started in a clone."""

from m2v.program import main

if __name__ == "__main__":
    main()
