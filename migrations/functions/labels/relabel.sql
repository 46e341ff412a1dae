create or replace procedure relabel(set_name text, model text default null) language plpgsql as $$
declare
  of_model integer := model_id_of(model);
  more boolean;
begin
  loop
    while label_page(of_model, set_name) is not null loop
      commit;
    end loop;
    select queued > 0 into more from label_rest(of_model, set_name);
    commit;
    exit when not more;
  end loop;
  perform label_switch(of_model, set_name);
  commit;
  perform sweep_labels();
end $$;
comment on procedure relabel is
  'Labels all embedded photos with a label set, in many small transactions, then makes its coming definition current, if there is one. After an interruption, call it again to continue; several sessions that call it share the work.';
