-- What a server of PowerDNS has in the beginning, one statement a line. The
-- columns are those that its manual explains; %s and %d are filled in.
INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('%s', '%s', '%s');
INSERT INTO domains (id, name, type) VALUES (%d, '%s', 'NATIVE');
INSERT INTO domainmetadata (domain_id, kind, content) VALUES (%d, 'TSIG-ALLOW-DNSUPDATE', '%s');
INSERT INTO records (domain_id, name, type, content, ttl, prio) VALUES (%d, '%s', '%s', '%s', %d, 0);
