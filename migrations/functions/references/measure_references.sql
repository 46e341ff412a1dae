-- requires: text_configuration
create or replace function measure_references(of_version integer) returns void language sql as $$
  -- Ids of photos are random, so the first ones by id are a random sample of 1,000.
  with sample as materialized (
    select r.photo_id, r.top_mean, l2_normalize(e.embedding::vector) as photo,
           nullif(ts_filter(w.words, '{a,b}'), '') as words
      from reference_sets s join reference_scores r on r.version = s.version
      join embeddings e on e.model_id = s.model_id and e.photo_id = r.photo_id
      left join photo_texts w on w.photo_id = r.photo_id
     where s.version = of_version order by r.photo_id limit 1000
  ), texts as materialized (
    select t.position, l2_normalize(t.embedding) as text,
           case when numnode(query) > 0 then query end as query
      from reference_texts t cross join lateral plainto_tsquery(text_configuration(), t.text) as query
     where t.version = of_version
  ), pairs as materialized (
    -- names: null where the photo has no description.
    select texts.position, sample.photo_id, -(sample.photo <#> texts.text) - sample.top_mean as margin, sample.words @@ texts.query as names
      from sample cross join texts
  ), scale as materialized (
    select avg(margin) as middle, stddev_pop(margin) as deviation from pairs
  ), judged as materialized (
    select position, count(*) filter (where names) as wanted
      from pairs group by position having count(*) filter (where names) >= 2
  ), reached as materialized (
    -- Cuts are tried in steps of a tenth of the deviation.
    select p.position, floor(10 * (p.margin - middle) / nullif(deviation, 0)) as step, count(*) as photos,
           count(*) filter (where p.names) as named
      from pairs p join judged on judged.position = p.position cross join scale
     where p.names is not null group by 1, 2
  ), found as (
    select j.position, cut.step, j.wanted, coalesce(sum(r.photos), 0)::double precision as photos,
           coalesce(sum(r.named), 0)::double precision as named
      from judged j cross join generate_series(-30, 60) as cut (step)
      left join reached r on r.position = j.position and r.step >= cut.step
     group by j.position, cut.step, j.wanted
  ), tried as materialized (
    select step, count(*) as texts, avg(2 * named / (photos + wanted)) as f1, avg(named / greatest(photos, 1)) as of_found,
           avg(named / wanted) as of_wanted
      from found group by step having count(*) >= 10
  ), best as (
    -- Descriptions leave most things out. So they move the cut only where it is far off.
    select t.* from tried t cross join (select max(f1) as f1 from tried) as most
     order by t.step = 30 and t.f1 >= most.f1 / 2 desc, t.f1 desc, t.step desc limit 1
  ), cut as materialized (
    select middle + coalesce(best.step, 30) / 10.0 * deviation as least, coalesce(best.step, 30) as step, best.f1, best.of_found, best.of_wanted
      from scale left join best on true
  ), shown as materialized (
    select p.position, p.photo_id from pairs p cross join cut where p.margin >= cut.least
  ), verdict as materialized (
    -- A cut separates if some photos show something, which few photos need not, and if it agrees with descriptions clearly better
    -- than to find all photos.
    select cut.*, ((select count(*) from sample) < 50 or (select count(distinct photo_id) from shown) >= 0.02 * (select count(*) from sample))
                  and coalesce((select cut.f1 - t.f1 >= 0.1 * (1 - t.f1) from tried t where t.step = -30), true) as separates
      from cut
  ), measured as (
    update reference_sets s
       set cut = case when v.separates then v.least end,
           cut_by = case when not v.separates then 'none' when v.step = 30 then 'deviations' else 'descriptions' end,
           judged = (select count(*) from judged),
           cut_precision = case when v.separates then v.of_found end,
           cut_recall = case when v.separates then v.of_wanted end
      from verdict v where s.version = of_version and v.least is not null
  )
  update reference_texts t
     set share = case when v.separates
                      then ((select count(*) from shown where shown.position = t.position) + 0.5) / ((select count(*) from sample) + 1) end
    from verdict v where t.version = of_version and t.known and v.least is not null
$$;
comment on function measure_references is
  'Part of reference_switch: measures on a sample of the photos where the photos that show a text end (reference_sets.cut), how well this agrees with descriptions, and how many photos show each reference text (reference_texts.share).';
