#!/bin/sh
# Run by the image of PostgreSQL when its data folder is new: the role that servers and workers use.
# It owns nothing; `folkmoot migrate --grant folkmoot_app` gives it what they need.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$APP_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE folkmoot_app LOGIN PASSWORD :'password' CONNECTION LIMIT 200;
SQL
