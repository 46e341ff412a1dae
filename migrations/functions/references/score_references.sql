create or replace procedure score_references(model text default null) language plpgsql as $$
declare
  of_model integer := model_id_of(model);
  more boolean;
begin
  loop
    while reference_page(of_model) is not null loop
      commit;
    end loop;
    select queued > 0 into more from reference_rest(of_model);
    commit;
    exit when not more;
  end loop;
  perform reference_switch(of_model);
  commit;
  perform sweep_reference_scores();
end $$;
comment on procedure score_references is
  'Compares all embedded photos of a model with its reference texts, in many small transactions, then makes its coming set current, if there is one. After an interruption, call it again to continue; several sessions that call it share the work.';
