-- requires: label_definitions
create or replace function label_statement(definition label_definitions, condition text, conflict text) returns text
language plpgsql stable as $$
declare
  of_model integer := definition.model_id;
  label_count integer := cardinality(definition.labels);
  is_trained boolean := definition.scales is not null;
  scoring text := (select case when is_trained then 'softmax' else m.scoring end from models m where m.id = of_model);
  numbers integer[] := array(select generate_series(1, label_count));
  -- Numbers of a trained set stand in the text, so that statements of both kinds take the same parameters.
  logits text := array_to_string(array(
    select case when is_trained
             then format('%s::float8 * (1 - (v <=> $4[%s])) + %s::float8', quote_literal(definition.scales[i]), i, quote_literal(definition.biases[i]))
             else format('$5 * (1 - (v <=> $4[%s])) + $6', i) end
      from unnest(numbers) as i), ', ');
  all_logits text := array_to_string(array(select format('l[%s]', i) from unnest(numbers) as i), ', ');
  weights text := array_to_string(array(
    select format(case scoring
      -- Postgres raises an error where exp() or a cast to real underflows; e^-80 is nothing beside 1 and still fits a real.
      when 'softmax' then 'exp(greatest(l[%s] - top, -80))'
      else '1 / (1 + exp(-greatest(least(l[%s], 80), -80)))' end, i) from unnest(numbers) as i), ', ');
  -- A sum nests as deep as it has terms; from 700 terms on the stack of the embedded server overflows.
  total text := case
    when scoring <> 'softmax' then '1'
    when label_count <= 100 then array_to_string(array(select format('w[%s]', i) from unnest(numbers) as i), ' + ')
    else '(select sum(weight) from unnest(w) as weight)' end;
  scores text := array_to_string(array(select format('(w[%s] / total)::real', i) from unnest(numbers) as i), ', ');
begin
  -- An expression a label, without aggregates: a third of the time. "offset 0" keeps the steps apart, so that what is used
  -- several times is computed once. The label goes by logit: scores that are next to 1 are equal long before their logits are.
  return format(
    'insert into label_rows as r (version, model_id, set_name, photo_id, label, score, scores)
     select $1, %s, $2, photo_id, ($3)[place], scores[place], scores from (
       select photo_id, array_position(l, top) as place, array[%s] as scores from (
         select photo_id, l, top, w, %s as total from (
           select photo_id, l, top, array[%s] as w from (
             select photo_id, l, greatest(%s) as top from (
               select photo_id, array[%s] as l from (
                 select e.photo_id, e.embedding::vector as v from embeddings e where e.model_id = %s and %s
                 offset 0) as vectors
               offset 0) as logits
             offset 0) as tops
           offset 0) as weights
         offset 0) as totals
       offset 0) as labelled
     order by photo_id
     on conflict (version, photo_id) %s',
    of_model, scores, total, weights, all_logits, logits, of_model, condition, conflict);
end $$;
comment on function label_statement is
  'Part of label_batch and label_page: a statement that labels the photos of a condition under a definition. It takes version, set, labels, prompts, logit scale and bias as $1 to $6, the values of the condition as $7 and $8.';
