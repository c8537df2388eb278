package config

import (
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// Audit says how answers that a smaller tier was trusted with are checked.
type Audit struct {
	// Share of those answers is also put to the largest tier.
	Share  float64     `yaml:"share"`
	Budget AuditBudget `yaml:"budget"`
	// Harm is the mean disagreement that is allowed; nil derives it from the
	// certificate.
	Harm *float64 `yaml:"harm"`
}

// AuditBudget bounds what audits cost.
type AuditBudget struct {
	PerDay pointsman.Money `yaml:"per_day"`
}

var auditFields = map[string]field{
	"tasks.*.audit":                {doc: "Shadow audits: a sample of the answers that a smaller tier was trusted with is also put to the largest tier, behind the request's back. Where they disagree too often, the policy's certificate is withdrawn. Off where it is not there."},
	"tasks.*.audit.share":          {doc: "The share of such answers that is audited.", def: "0.01", min: "0", above: true, max: "1"},
	"tasks.*.audit.budget":         {doc: "What audits may cost.", required: true},
	"tasks.*.audit.budget.per_day": {doc: "US dollars a day (UTC) for this task in this process. When they are spent, no more is audited until the next day.", required: true, min: "0", max: "1000000"},
	"tasks.*.audit.harm":           {doc: "The mean disagreement with the largest tier that is allowed. Default: what the certificate allows. Tasks of kind rewrite and open are watched only where it is given.", min: "0", above: true, max: "1", below: true},
}

// checkAudit refuses audits that could never be made or paid for.
func (d *decoder) checkAudit(c *Config, at string, t *Task) {
	if t.Audit == nil || len(t.Tiers) == 0 {
		return
	}
	if len(t.Tiers) == 1 {
		d.atKey(at, "a task with one tier has no answers to audit", "add a tier, or remove audit")
		return
	}
	largest := t.Tiers[len(t.Tiers)-1]
	if model, ok := c.Models[largest.Model]; ok && !model.Price.Known {
		d.atKey(at, fmt.Sprintf("audits have a budget, and what tier %s costs is unknown", largest.Name), fmt.Sprintf("state the price of model %s", largest.Model))
	}
}
