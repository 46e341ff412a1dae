create or replace function clients_share_session() returns boolean language sql stable as
  $$ select version() like '%(PGlite %' $$;
comment on function clients_share_session is
  'Whether this is the embedded server, where a statement that waits for another client would wait forever.';
