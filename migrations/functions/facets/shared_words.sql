create or replace function shared_words(
  query vector default null, n integer default 200,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  top integer default 12, min_score double precision default null, kind text default null, omitted text default ''
) returns table (word text, photos bigint, hits bigint, share_of_all double precision) language plpgsql stable
-- Compiling the statement takes longer than running it.
set jit = off
as $$
declare
  of_model integer := model_id_of(model);
begin
  if top is null or top < 1 then
    raise exception 'top must be a whole number from 1, found %', coalesce(top::text, 'null') using errcode = 'UC005';
  end if;
  if n is null or n < 1 then
    raise exception 'n must be a whole number from 1, found %', coalesce(n::text, 'null') using errcode = 'UC005';
  end if;
  -- Ids of photos are random, so the first ones by id are a random sample of the collection: 2,000 tell a share of 5 % to 1 %.
  return query execute format($sql$
    with chosen as materialized (select c.photo_id from (%s) as c order by c.photo_id limit $6),
    texts as (
      select p.photo_id, left(concat_ws(' . ', p.photo_title, p.photo_description, p.ai_description, k.keywords), 20000) as words
        from chosen c join photos p on p.photo_id = c.photo_id
        left join lateral (select string_agg(keyword, ' . ') as keywords from photo_keywords where photo_id = p.photo_id) as k on true
    ), tokens as (
      -- Words and parts of words with a hyphen.
      select distinct t.photo_id, lower(parsed.token) as token
        from texts t cross join lateral ts_parse('default', t.words) as parsed
       where parsed.tokid in (1, 2, 10, 11) and length(parsed.token) between 3 and 40
    ), stems as (
      select known.token, stem.lexeme
        from (select distinct token from tokens) as known cross join lateral unnest(to_tsvector($9, known.token)) as stem
    ), counted as (
      select s.lexeme, mode() within group (order by t.token) as word, count(distinct t.photo_id) as photos
        from tokens t join stems s on s.token = t.token
       where not s.lexeme = any (tsvector_to_array(to_tsvector($9, $1)))
       group by s.lexeme
    ), total as (
      select count(*) as hits from chosen
    ), candidates as (
      select c.*, t.hits from counted c cross join total t
       where c.photos >= greatest(2, t.hits * 0.05) order by c.photos desc, c.lexeme limit 60
    ), sample as materialized (
      select words from photo_texts order by photo_id limit 2000
    ), background as (
      select c.lexeme, (count(*) filter (where l.lexeme is not null) + 0.5) / ((select count(*) from sample) + 1.0) as share
        from candidates c
        left join (select u.lexeme from sample s cross join lateral unnest(s.words) as u) as l on l.lexeme = c.lexeme
       group by c.lexeme
    ), sure as (
      -- The lower end of the interval of Wilson: chance gives a few photos any word, so what counts is the least share that they
      -- support. 1.96 standard deviations: one word in forty lies below.
      select c.*, (p + 1.96 ^ 2 / (2 * n) - 1.96 * sqrt(p * (1 - p) / n + 1.96 ^ 2 / (4 * n ^ 2))) / (1 + 1.96 ^ 2 / n) as least
        from candidates c cross join lateral (select c.photos / c.hits::double precision as p, c.hits::double precision as n) as share
    )
    select s.word, s.photos, s.hits, b.share::double precision
      from sure s join background b on b.lexeme = s.lexeme
     where s.least > b.share
     order by s.least * ln(s.least / b.share) desc, s.lexeme
     limit $5$sql$, counted_photos(of_model, query, labels, filters))
    using omitted, query, labels, filters, top, n, kind, min_score, text_configuration();
end $$;
comment on function shared_words is
  'Words that describe a result better than the collection: of the titles, descriptions and keywords of the photos that search_facets counts, at most n of them. Ordered by p ln(p / q), where p is the least share of these photos with the word that chance leaves (the lower end of the 95 % interval of Wilson), and q that of the collection, estimated from 2,000 photos; words with p below q are left out. A word stands for all with its stem, in the form that most photos have. photos: how many of the hits have it. omitted: words that are left out, such as those of the search.';
