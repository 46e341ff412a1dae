-- requires: counted_photos, model_id_of
create or replace function shared_concepts(
  query vector default null, n integer default 200,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 12, min_score double precision default null, kind text default null, omitted text default ''
) returns table (concept text, photos bigint, hits bigint, share_of_all double precision) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  of_set reference_sets;
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if n is null or n < 1 then
    raise exception 'n must be a whole number from 1, found %', coalesce(n::text, 'null') using errcode = 'UC005';
  end if;
  select s.* into of_set from reference_sets s where s.model_id = of_model and s.state = 'current' and s.cut is not null;
  if not found then
    return;
  end if;
  -- A text stands for what it names: "a dog" for dog. Its photos are those that show it, by the cut-off of searches.
  return query execute format($sql$
    with chosen as materialized (select c.photo_id from (%s) as c order by c.photo_id limit $6),
    seen as materialized (
      select l2_normalize(e.embedding::vector) as photo, $10 + greatest($11, r.top_mean::double precision) as least
        from chosen c join embeddings e on e.model_id = %s and e.photo_id = c.photo_id
        left join reference_scores r on r.version = $9 and r.photo_id = c.photo_id
    ), texts as materialized (
      select regexp_replace(t.text, '^(a|an|the) ', '', 'i') as concept, t.position, l2_normalize(t.embedding) as text, t.share
        from reference_texts t
       where t.version = $9 and t.share is not null and length(t.text) <= 30
         and not tsvector_to_array(to_tsvector($12, t.text)) && tsvector_to_array(to_tsvector($12, $1))
    ), counted as (
      select t.concept, t.position, t.share::double precision as q, count(*) as photos, total.hits
        from texts t cross join (select count(*) as hits from seen) as total
        join seen s on -(s.photo <#> t.text) >= s.least
       group by t.concept, t.position, t.share, total.hits
    ), sure as (
      -- The lower end of the interval of Wilson, as in shared_words.
      select c.*, (p + 1.96 ^ 2 / (2 * hits) - 1.96 * sqrt(p * (1 - p) / hits + 1.96 ^ 2 / (4 * hits::double precision ^ 2)))
                  / (1 + 1.96 ^ 2 / hits) as least
        from counted c cross join lateral (select c.photos / c.hits::double precision as p) as share
       where c.photos >= 2
    )
    select s.concept, s.photos, s.hits, s.q from sure s
     where s.least > s.q
     order by s.least * ln(s.least / s.q) desc, s.position
     limit $5$sql$, counted_photos(of_model, query, labels, filters), of_model)
    using omitted, query, labels, filters, top, n, kind, min_score, of_set.version, of_set.cut::double precision,
          coalesce(of_set.floor, -1)::double precision, text_configuration();
end $$;
comment on function shared_concepts is
  'What a result shows more often than the collection does: of the reference texts of the model, those that photos show by the cut-off of the condition shows. Needs no words of photos. Counted and ordered as in shared_words; the parameters are the same. No rows: the photos are not compared with reference texts yet.';
