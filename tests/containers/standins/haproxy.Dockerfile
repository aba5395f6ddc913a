FROM debian:trixie-slim
RUN command -v haproxy || { apt-get -qq update && \
    apt-get -qq -y --no-install-recommends install haproxy; }
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
