create or replace function query_kind(of_model integer, query vector) returns text language sql stable as $$
  select case when exists (
           select from image_regions r
            where r.model_id = query_kind.of_model and 1 - (query_kind.query <=> r.centre) between r.lowest and r.highest)
         then 'image' else 'text' end
$$;
comment on function query_kind is
  'What a query vector of undeclared kind is searched as. image: it is as similar to the mean photo as nine of ten photos are (see image_regions). text: everything else, because indexes are tuned to read more for texts, so recall is kept: texts lie far from the mean photo, means of unlike photos nearer to it than photos do, combinations anywhere.';
