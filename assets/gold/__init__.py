"""Made by dbt in `dbt_project/`; here are the names by which Python reads them."""
