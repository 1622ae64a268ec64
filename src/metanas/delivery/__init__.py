"""What the user gets: the model, honest baselines, scores on test data, the result and its summary."""

from metanas.delivery.baselines import ANSWER as ANSWER
from metanas.delivery.baselines import PLAIN as PLAIN
from metanas.delivery.baselines import Entry as Entry
from metanas.delivery.baselines import fit_baselines as fit_baselines
from metanas.delivery.description import describe_graph as describe_graph
from metanas.delivery.model import Model as Model
from metanas.delivery.model import load_model as load_model
from metanas.delivery.model import save_model as save_model
from metanas.delivery.predictions import predictions_csv as predictions_csv
from metanas.delivery.predictions import write_predictions as write_predictions
from metanas.delivery.result import Result as Result
from metanas.delivery.result import baseline_records as baseline_records
from metanas.delivery.result import read_result as read_result
from metanas.delivery.result import versions as versions
from metanas.delivery.scoring import Comparison as Comparison
from metanas.delivery.scoring import Score as Score
from metanas.delivery.scoring import Scores as Scores
from metanas.delivery.scoring import score_once as score_once
from metanas.delivery.summary import print_summary as print_summary
from metanas.delivery.summary import summary_lines as summary_lines
