
# ---- Certificates from tollgate, live with the next handshake ----
smtpd_tls_chain_files = /var/lib/tollgate/tls/default.pem
tls_server_sni_maps = socketmap:unix:/run/tollgate/sni:sni
