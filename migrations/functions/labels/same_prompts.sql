create or replace function same_prompts(one vector[], other vector[]) returns boolean language sql immutable as $$
  -- Single precision computes the distance of equal vectors as up to some 1e-7.
  select cardinality(one) = cardinality(other)
     and (select bool_and(prompt <=> known < 1e-6) from unnest(one, other) as pair (prompt, known))
$$;
comment on function same_prompts is
  'Part of define_label_set: whether two lists of prompt embeddings have the same directions, but for rounding.';
