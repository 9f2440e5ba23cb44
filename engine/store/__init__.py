"""Storage: tables, repositories and the unit of work. With `migrations` the only code that knows SQL."""
