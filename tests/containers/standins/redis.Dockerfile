# Open to its network, and as redis:7-alpine in what may stand before its options.
FROM debian:trixie-slim
RUN command -v redis-server || { apt-get -qq update && \
    apt-get -qq -y --no-install-recommends install redis-server; }
RUN printf '%s\n' '#!/bin/sh' \
    'case $1 in -*) set -- redis-server "$@" ;; esac' \
    'exec "$@" --protected-mode no' >/entrypoint && chmod +x /entrypoint
ENTRYPOINT ["/entrypoint"]
CMD ["redis-server"]
