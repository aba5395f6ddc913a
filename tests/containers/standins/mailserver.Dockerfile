FROM debian:trixie-slim
RUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install postfix postfix-cdb
COPY mailserver /usr/local/sbin/mailserver
HEALTHCHECK CMD ["postfix", "status"]
CMD ["mailserver"]
