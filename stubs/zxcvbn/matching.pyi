L33T_TABLE: dict[str, list[str]]
