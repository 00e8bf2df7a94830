package sqlstore

// PrepareRevert makes then, a configuration of the past, fit to be applied in the
// place of now: what belongs to the time is taken out of it, and keys that are
// there have the secret that they have now, and its algorithm. rotated are the names
// of those that had another secret then. It returns ErrNotFound, with the name, for a key whose
// secret is gone.
func PrepareRevert(now, then *Config) (rotated []string, err error) {
	for _, l := range then.Links {
		for _, s := range l.Subnets {
			for _, p := range s.Pools {
				p.Waiting = false
			}
		}
	}
	stored := map[string]TSIGKey{}
	for _, k := range now.TSIGKeys {
		stored[k.Name] = k
	}
	for i := range then.TSIGKeys {
		k := &then.TSIGKeys[i]
		if is, there := stored[k.Name]; there && is.Fingerprint != k.Fingerprint {
			rotated = append(rotated, k.Name)
			k.Fingerprint, k.Algorithm = is.Fingerprint, is.Algorithm
		}
	}
	return rotated, KeepSecrets(now, then)
}
