-- URL templates belong to the photos that were ingested with them, so that later runs fetch from the same place.

create table url_templates (
  id integer generated always as identity primary key,
  template text not null unique
);
comment on table url_templates is
  'Templates of --url-template and --images that photos were ingested with. Secrets in them are names of environment variables.';
comment on column url_templates.id is 'Named by photo_templates.';
comment on column url_templates.template is 'The template, with {photo_id}, {image_url} and ${NAME} of an environment variable.';

create table photo_templates (
  photo_id text collate "C" primary key references photos on delete cascade,
  template_id integer not null references url_templates
);
comment on table photo_templates is
  'Photos that are fetched by a template instead of their photo_image_url, as in the run that last ingested them.';
comment on column photo_templates.photo_id is 'The photo.';
comment on column photo_templates.template_id is 'Its template.';
