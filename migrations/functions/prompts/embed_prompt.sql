create or replace procedure embed_prompt(prompt text, timeout interval default '10 seconds', model text default null)
language plpgsql as $$
declare
  of_model integer := model_id_of(model);
  wanted text := normal_prompt(prompt);
  request bigint;
  give_up_at timestamptz;
  found_problem text;
begin
  if timeout is null or not timeout between '0' and '1 hour' then
    raise exception 'timeout expects an interval up to an hour, found %', coalesce(timeout::text, 'null') using errcode = 'UC005';
  end if;
  if clients_share_session() then
    raise exception 'On the embedded server nobody can wait for a worker, since all clients share one session. Run: % (or ask with select request_prompt(%), and look again in a moment)',
      prompt_command(of_model, wanted), quote_literal(wanted) using errcode = 'UC006';
  end if;
  request := request_prompt(wanted, of_model::text);
  if request is null then
    return;
  end if;
  commit;
  give_up_at := clock_timestamp() + timeout;
  loop
    select r.problem into found_problem from prompt_requests r where r.id = request and r.answered_at is not null;
    exit when found;
    if clock_timestamp() >= give_up_at then
      raise exception 'No worker answered within %. The request stays. Start a worker of the model, or run: %', timeout,
        prompt_command(of_model, wanted) using errcode = 'UC006';
    end if;
    -- Between two looks no transaction is open that would hold up a vacuum.
    commit;
    perform pg_sleep(0.02);
  end loop;
  if found_problem is not null then
    raise exception 'A worker could not embed "%": %', wanted, found_problem using errcode = 'UC006';
  end if;
end $$;
comment on procedure embed_prompt is
  'Asks a running worker to embed a prompt, and waits for it: call embed_prompt(at night). It commits, so call it outside a transaction. SQLSTATE UC006 when no worker answered in time, or could not embed it. Not on the embedded server.';
