create or replace function measure_references(of_version integer) returns void language plpgsql as $$
declare
  sampled constant integer := 1000;
begin
  -- Ids of photos are random, so the first ones by id are a random sample.
  with sample as materialized (
    select r.top_mean, l2_normalize(e.embedding::vector) as photo
      from reference_sets s join reference_scores r on r.version = s.version
      join embeddings e on e.model_id = s.model_id and e.photo_id = r.photo_id
     where s.version = of_version order by r.photo_id limit sampled
  ), texts as materialized (
    select t.position, l2_normalize(t.embedding) as text from reference_texts t where t.version = of_version
  ), pairs as materialized (
    select texts.position, -(sample.photo <#> texts.text) - sample.top_mean as margin from sample cross join texts
  ), measured as (
    update reference_sets s set cut = least.margin
      from (select avg(margin) + 3 * stddev_pop(margin) as margin from pairs) as least
     where s.version = of_version returning s.cut
  )
  update reference_texts t set share = (shown.photos + 0.5) / (shown.all + 1)
    from (select pairs.position, count(*) filter (where margin >= measured.cut) as photos, count(*) as all
            from pairs cross join measured group by pairs.position) as shown
   where t.version = of_version and t.position = shown.position;
end $$;
comment on function measure_references is
  'Part of reference_switch: measures on a sample of the photos where the photos that show a text end (reference_sets.cut), and how many show each reference text (reference_texts.share).';
