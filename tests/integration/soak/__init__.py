"""A mail host with all of tollgate, under traffic of every kind while its
daemons, certificates and Redis come and go; and exact accounts of the mail."""
