"""The preset dictionary of codec 2: what bodies are likely to hold, for a match to refer to.

Frozen for ever: docs/format.md publishes it, and what was stored opens with no other; a change is a
new codec. It has the forms of the SDK's items, and short words of English, of Markdown and of JSON
within a text; what is likely comes last.
"""

from typing import Final

DICTIONARY: Final = rb'''
"type":"image_generation_call","phase":"{"id":"mcp_","arguments":"{}","server_label":"","type":"
mcp_call","error":null,"output":"{"id":"ci_","code":"import ","outputs":[
{"logs":"","type":"code_interpreter_call"{"id":"fs_","queries":["],"type":"file_search_call","re
sults":null{"id":"ws_","action":{"query":"","type":"search"},"status":"completed","type":"web_se
arch_call""type":"computer_call_output","image_url":"data:image/png;base64,iVBORw0KGgo","type":"
input_image""filename":"","file_data":"data:application/pdf;base64,","type":"input_file""annotat
ions":[{"end_index":,"start_index":,"title":"","type":"url_citation","url":"https://www..com/"to
ol_calls":[{"id":"call_","type":"function","function":{"name":""tool_call_id":"role":"tool","con
tent":null\n\n\ndef (self):\n    return None\n    if not in is and for \n        raise import
 from \n\n---\n\n### \n\n## **\n\n1. **\n2. **\n3. **\n   - **\n- **: \\n\\"{\"error\":
 \"message\": \"id\": \"name\": \"status\": \"ok\", true, false, null, \"results\": [{\"title\":
 \"url\": \"https://\", \"date\": \"2026-01-2025-T00:00:00Z\", \"type\": \"value\": \"text\": \"
 something without another different following available information important question example
 because through between before should would could there their which about these where while
 after other first under using number please help know need want make like just than then them
 they what when your over only also some such more into Sure! I'm Let me Here are This is You
 can If you want, I can help you with Is there anything else It's I would like to How do I What
 is the Can you please need to used to have been has been will be can be it is not do not one of
 the as well as based on at the by the with a from the for a on the that the and the in a is the
 is a of a to be ation ing the that for with and to in of the to the and in the for the you
 {"id":"rs_0","summary":[{"text":"**","type":"summary_text"}],"type":"reasoning","encrypted_cont
ent":"gAAAAAB"},"role":"developer","content":[{"type":"input_text","text":"[
{"call_id":"call_","output":"","type":"function_call_output"},{"type":"text","text":"[
{"arguments":"{}","call_id":"call_","name":"get_","type":"function_call","id":"fc_0","status":"c
ompleted"},[{"id":"msg_0","content":[{"annotations":[],"text":"","type":"output_text","logprobs"
:[]}],"role":"assistant","status":"completed","type":"message"}][{"id":"__fake_id__","content":"
","role":"system"}][{"role":"assistant","content":"[{"content":"","role":"user"}][
{"role":"user","content":"'''.replace(b"\n", b"")
