"""What every floor may use: cells, columns, files, locks, databases, statuses, the API's constants."""
