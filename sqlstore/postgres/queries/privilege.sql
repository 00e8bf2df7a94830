-- name: privilege_missing
-- Which of some privileges the user lacks; no column means all columns.
SELECT k.n FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS k (n, kind, object, col)
 WHERE CASE WHEN k.kind = 'EXECUTE' THEN NOT EXISTS (SELECT 1 FROM pg_proc p WHERE p.proname = k.object AND pg_function_is_visible(p.oid)
                                                       AND has_function_privilege(p.oid, 'EXECUTE'))
            WHEN k.col = '' THEN has_table_privilege(to_regclass(k.object), k.kind) IS NOT TRUE
            ELSE has_column_privilege(to_regclass(k.object), k.col, k.kind) IS NOT TRUE END
 ORDER BY k.n;
