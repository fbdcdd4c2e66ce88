{# The files of a layer are at <warehouse>/<layer>, so that the catalogue can be rebuilt from them. #}
{% macro spark__create_schema(relation) -%}
    {%- set warehouse = env_var('LAKEHOUSE_WAREHOUSE', '') -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation.without_identifier() }}
        {%- if warehouse %} location '{{ (warehouse ~ "/" ~ relation.schema) | replace("\\", "\\\\") | replace("'", "\\'") }}'{% endif %}
    {%- endcall -%}
{%- endmacro %}
