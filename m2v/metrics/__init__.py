"""What monitoring asks for (Prometheus), at an address of its own (METRICS); none of it names anybody.

counters    what this machine's processes count while they work
gauges      what the database knows, asked when somebody asks: the same on every machine
listener    the process that answers, beside the server
"""
