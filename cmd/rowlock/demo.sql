SELECT prefix, offered, active, ended, blocked FROM subnet_usage ORDER BY subnet_id
