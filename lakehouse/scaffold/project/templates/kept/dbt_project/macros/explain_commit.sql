{# Each commit says what made it: LAKEHOUSE_COMMIT (a JSON object, with a digest of each model) and the names of this
   model and run. #}
{% macro explain_commit() -%}
    {%- set commit = fromjson(env_var('LAKEHOUSE_COMMIT', '{}')) -%}
    {%- set digests = commit.pop('dbt_digests', {}) -%}
    {%- do commit.update({
        'asset': this.schema ~ '.' ~ this.identifier,
        'dbt_model': model.unique_id,
        'dbt_digest': digests.get(model.unique_id),
        'dbt_invocation': invocation_id,
    }) -%}
    {%- set name = 'spark.databricks.delta.commitInfo.userMetadata' -%}
    set `{{ name }}` = `{{ tojson(commit) | replace('`', '``') }}`
{%- endmacro %}
