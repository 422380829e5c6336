"""What was true of people at the end of a day: kept as numbers each night, and worked out again from the audit."""
