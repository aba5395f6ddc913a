# Whatever Traefik's options are, its part is haproxy.cfg.
FROM haproxy:2.6-alpine
ENV MAIL_SERVER=postfix
COPY haproxy.cfg /etc/traefik.cfg
ENTRYPOINT ["sh", "-c", "exec haproxy -f /etc/traefik.cfg"]
